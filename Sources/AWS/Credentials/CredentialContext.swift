import HTTP
import Platform

/// What the places that credentials may come from have in common.
struct CredentialContext: Sendable {
    let environment: AWSEnvironment
    /// The region that the settings or the environment name.
    let region: String?
    /// For STS: as the vault's own requests are sent.
    let http: HTTPClient
    /// For what is beside this machine: without proxies, with short timeouts.
    let neighbours: HTTPClient
    let clock: Clock
    let pace: Pace

    /// Neighbours answer within moments or not at all.
    var neighbourRetrying: Retrying {
        Retrying(backoff: Backoff(base: 0.2, cap: 1, deadline: 2, leastTries: 2), pace: pace)
    }

    func tokenService(region: String?) -> SecurityTokenService {
        SecurityTokenService(
            http: http, environment: environment, region: region, clock: clock,
            retrying: Retrying(backoff: Backoff(deadline: 60), pace: pace))
    }

    var container: ContainerCredentials {
        ContainerCredentials(environment: environment, http: neighbours, retrying: neighbourRetrying)
    }

    var instance: InstanceCredentials {
        InstanceCredentials(environment: environment, http: neighbours, retrying: neighbourRetrying)
    }
}
