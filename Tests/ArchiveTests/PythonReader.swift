import Platform
import TestSupport
import Testing

/// An archive and its index read by a program that shares nothing with this project: gzip members by zlib, tar headers by
/// hand, content by tarfile, digests by hashlib.
enum PythonReader {
    /// What is wrong, line by line, and then what was looked at.
    static func check(_ packed: Packed, _ name: String = "acme") async throws -> [String] {
        let result = try await run(
            ["python3", "-c", program, name + ".tar.gz", name + ".index.tsv.gz"], directory: packed.out, timeout: 300)
        #expect(result.status == 0, "\(result)")
        return result.lines
    }

    /// Fetches every entry by its range with dd, and unpacks it with GNU tar.
    static func fetchRanges(_ packed: Packed, _ name: String = "acme") async throws -> [String] {
        let result = try await run(
            ["python3", "-c", common + ranges, name + ".tar.gz", name + ".index.tsv.gz"], directory: packed.out,
            timeout: 300)
        #expect(result.status == 0, "\(result)")
        return result.lines
    }

    private static let common = #"""
        import sys, zlib, gzip, hashlib, tarfile, io, re, subprocess

        archive, index = sys.argv[1:3]
        raw = open(archive, 'rb').read()

        def unescape(field):
            codes = {b't': b'\t', b'n': b'\n', b'r': b'\r', b'\\': b'\\'}
            return re.sub(rb'\\(x[0-9a-f]{2}|.)', lambda m: bytes([int(m[1][1:], 16)]) if m[1][:1] == b'x' else codes[m[1]], field)

        tables = {}
        for line in gzip.open(index).read().split(b'\n')[:-1]:
            cells = line.split(b'\t')
            if cells[0] in (b'#coldchain-index', b'#members', b'#entries', b'#parts') and len(cells) < 3:
                table = tables[cells[0]] = []
                continue
            table.append([unescape(cell) for cell in cells])
        header = dict((row[0].decode(), row[1]) for row in tables[b'#coldchain-index'])

        def rows(name, columns):
            table = tables[name]
            assert [c.decode() for c in table[0]] == columns.split(), table[0]
            return [dict(zip(columns.split(), row)) for row in table[1:]]

        entries = rows(b'#entries', 'entry type size modified mode uid gid link sha256 host key offset length skip')

        """#

    private static let ranges = #"""
        bad = []
        for row in entries:
            dd = subprocess.run(
                ['dd', 'if=' + archive, 'iflag=skip_bytes,count_bytes', 'bs=1M', 'status=none',
                 'skip=' + row['offset'].decode(), 'count=' + row['length'].decode()], stdout=subprocess.PIPE, check=True)
            name = row['entry']
            if row['type'] == b'f':
                tar = subprocess.run(
                    ['tar', 'xzOf', '-', '--no-wildcards', '--occurrence=1', '--', name.replace(b'\\', b'\\\\')],
                    input=dd.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                if tar.returncode != 0 or hashlib.sha256(tar.stdout).hexdigest().encode() != row['sha256']:
                    bad.append((name, tar.returncode, tar.stderr))
            else:
                tar = subprocess.run(
                    ['tar', 'tzf', '-', '--quoting-style=literal', '--null', '--show-transformed-names'], input=dd.stdout,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                if tar.returncode != 0 or name not in tar.stdout:
                    bad.append((name, tar.returncode, tar.stderr))
        for line in bad: print(line)
        print('%d entries fetched' % len(entries))
        """#

    private static let program =
        common + #"""
            problems = []
            def check(what, got, want):
                if got != want: problems.append('%s: %r, expected %r' % (what, got, want))

            # Members, by letting zlib find where each ends.
            MEMBER = 4 << 20
            members, tar, at = [], b'', 0
            while at < len(raw):
                check('member header at %d' % at, raw[at:at + 8], b'\x1f\x8b\x08\x00\x00\x00\x00\x00')
                inflater = zlib.decompressobj(31)
                piece = inflater.decompress(raw[at:]) + inflater.flush()
                assert inflater.eof
                length = len(raw) - at - len(inflater.unused_data)
                members.append((at, length, len(tar), len(piece)))
                at += length
                tar += piece
            check('member table', [(int(r['offset']), int(r['length']), int(r['tar_offset']), int(r['tar_length']))
                  for r in rows(b'#members', 'member offset length tar_offset tar_length')], members)
            check('member numbers', [int(r['member']) for r in rows(b'#members', 'member offset length tar_offset tar_length')],
                  list(range(len(members))))
            for m in members:
                if not 0 < m[3] <= MEMBER: problems.append('a member of %d bytes' % m[3])

            check('size', int(header['size']), len(raw))
            check('sha256', header['sha256'].decode(), hashlib.sha256(raw).hexdigest())
            check('tar_size', int(header['tar_size']), len(tar))
            check('entries', int(header['entries']), len(entries))

            # The tar, header by header: where entries begin and end, and what they say.
            found, at, start, pax = [], 0, 0, {}
            while tar[at:at + 512] != bytes(512):
                block = tar[at:at + 512]
                assert block[257:263] == b'ustar\0', (at, block)
                check('header checksum at %d' % at, int(block[148:156].strip(b' \0'), 8),
                      sum(block[:148]) + 8 * 32 + sum(block[156:]))
                kind = block[156:157]
                def number(field):
                    if field[0] & 0x80: return int.from_bytes(field, 'big', signed=False) & ((1 << (8 * len(field) - 1)) - 1)
                    return int(field.strip(b' \0') or b'0', 8)
                size = number(block[124:136])
                if kind in b'x':
                    records, body = {}, tar[at + 512:at + 512 + size]
                    while body:
                        count = int(body.split(b' ', 1)[0])
                        key, value = body[:count - 1].split(b' ', 1)[1].split(b'=', 1)
                        records[key.decode()] = value
                        body = body[count:]
                    pax = records
                    at += 512 + (size + 511) // 512 * 512
                    continue
                name = block[:100].split(b'\0')[0]
                prefix = block[345:500].split(b'\0')[0]
                if prefix: name = prefix + b'/' + name
                name = pax.get('GNU.sparse.name', pax.get('path', name))
                size = int(pax.get('size', size))
                mtime = pax.get('mtime', b'%d' % number(block[136:148]))
                seconds, _, fraction = mtime.partition(b'.')
                end = at + 512 + (size + 511) // 512 * 512
                found.append(dict(
                    name=name, kind={b'0': b'f', b'1': b'h', b'2': b'l', b'5': b'd'}[kind], start=start, end=end,
                    size=int(pax.get('GNU.sparse.realsize', size)), modified=seconds + b'.' + fraction.ljust(9, b'0'),
                    mode=number(block[100:108]), uid=int(pax.get('uid', number(block[108:116]))),
                    gid=int(pax.get('gid', number(block[116:124]))),
                    link=pax.get('linkpath', block[157:257].split(b'\0')[0]) if kind in b'12' else b''))
                at = start = end
                pax = {}
            check('end of the tar', tar[at:], bytes(1024))
            check('entries in the tar', [f['name'] for f in found], [r['entry'] for r in entries])

            def member(position):
                return next(m for m in members if m[2] <= position < m[2] + m[3])
            for f, r in zip(found, entries):
                name = f['name']
                first, last = member(f['start']), member(f['end'] - 1)
                check('%r offset' % name, int(r['offset']), first[0])
                check('%r length' % name, int(r['length']), last[0] + last[1] - first[0])
                check('%r skip' % name, int(r['skip']), f['start'] - first[2])
                check('%r type' % name, r['type'], f['kind'])
                if f['kind'] == b'f': check('%r size' % name, int(r['size']), f['size'])
                check('%r time' % name, r['modified'], f['modified'])
                check('%r mode' % name, int(r['mode'], 8), f['mode'])
                check('%r owner' % name, (int(r['uid']), int(r['gid'])), (f['uid'], f['gid']))
                check('%r link' % name, r['link'], f['link'])

            # Where members begin.
            starts = {f['start']: f for f in found}
            closing = found[-1]['end'] if found else 0
            big = 0
            for m in members:
                if m[2] in starts or m[2] >= closing: continue
                f = next(f for f in found if f['start'] < m[2] < f['end'])
                if f['end'] - f['start'] <= MEMBER: problems.append('a member begins inside %r' % f['name'])
            for f in found:
                if f['end'] - f['start'] <= MEMBER:
                    if member(f['start']) != member(f['end'] - 1): problems.append('%r spans members' % f['name'])
                    continue
                big += 1
                if f['start'] not in {m[2] for m in members}: problems.append('%r does not begin its member' % f['name'])
                if f['end'] not in {m[2] + m[3] for m in members}: problems.append('%r does not close its member' % f['name'])

            # Content and digests.
            digests = {}
            unpacked = tarfile.open(fileobj=io.BytesIO(tar), encoding='utf-8', errors='surrogateescape')
            for info, r in zip(unpacked, entries):
                if not info.isreg() or info.islnk(): continue
                digest = hashlib.sha256(unpacked.extractfile(info).read()).hexdigest()
                check('%r digest' % info.name, digest, r['sha256'].decode())
            check('digest_entry', header['digest_entry'], entries[-1]['entry'])
            check('digest entry host', (entries[-1]['host'], entries[-1]['key']), (b'', b''))

            part = int(header['part_size'])
            parts = [(n // part + 1, n, min(part, len(raw) - n), hashlib.sha256(raw[n:n + part]).hexdigest())
                     for n in range(0, len(raw), part)]
            check('parts', [(int(r['part']), int(r['offset']), int(r['length']), r['sha256'].decode())
                  for r in rows(b'#parts', 'part offset length sha256')], parts)

            for line in problems: print(line)
            print('%d entries, %d members, %d parts, %d big' % (len(entries), len(members), len(parts), big))
            """#
}
