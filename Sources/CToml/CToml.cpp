#include "CToml.h"

#include <new>
#include <stdexcept>

// toml++ 3.3 asserts where it should report: "[[[" ends in parse_key's assertion. Here an assertion is an error of the
// text, whatever the build's NDEBUG says.
#undef NDEBUG
struct ctoml_assertion : std::logic_error {
    ctoml_assertion() : std::logic_error("unexpected character") {}
};
#define TOML_ASSERT(condition) ((condition) ? (void)0 : throw ctoml_assertion())
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_PARSER 1
#include <toml++/toml.h>

#include <string>
#include <string_view>
#include <vector>

struct ctoml_document {
    toml::table root;  // owns the bytes that the nodes point to
    std::vector<ctoml_node> nodes;
    std::string error;
    uint32_t line = 0, column = 0;

    void fail(std::string message, uint32_t at_line, uint32_t at_column) {
        error = std::move(message);
        line = at_line;
        column = at_column;
    }
};

namespace {

// toml++ makes and frees dotted keys by recursion, with no limit of its own: 20 000 parts overflow an 8 MiB stack.
constexpr size_t most_dots_in_a_line = 4000;

// No key of ours lies deeper than a handful of tables.
constexpr uint32_t deepest = 64;

// The first line with too many dots; 0 when there is none.
uint32_t overlong_line(std::string_view text) {
    uint32_t line = 1;
    size_t dots = 0;
    for (char c : text) {
        if (c == '\n') {
            line++;
            dots = 0;
        } else if (c == '.' && ++dots > most_dots_in_a_line) {
            return line;
        }
    }
    return 0;
}

bool asserts(std::string_view text) {
    try {
        (void)toml::parse(text);
    } catch (const ctoml_assertion &) {
        return true;
    } catch (const toml::parse_error &) {
    }
    return false;
}

// The line that trips an assertion, which tells no position itself: the end of the shortest run of lines that does.
uint32_t asserting_line(std::string_view text) {
    std::vector<size_t> ends;
    for (size_t i = 0; i < text.size(); i++)
        if (text[i] == '\n') ends.push_back(i + 1);
    ends.push_back(text.size());
    size_t low = 0, high = ends.size() - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (asserts(text.substr(0, ends[middle]))) high = middle;
        else low = middle + 1;
    }
    return static_cast<uint32_t>(low + 1);
}

void add(ctoml_document &document, const toml::node &value, const toml::key *key, int32_t parent) {
    ctoml_node node{};
    node.parent = parent;
    if (key) {
        node.key = key->str().data();
        node.key_length = key->str().size();
        node.key_line = key->source().begin.line;
        node.key_column = key->source().begin.column;
    }
    node.line = value.source().begin.line;
    node.column = value.source().begin.column;
    if (value.is_table()) {
        node.kind = CTOML_TABLE;
    } else if (value.is_array()) {
        node.kind = CTOML_ARRAY;
    } else if (auto *text = value.as_string()) {
        node.kind = CTOML_STRING;
        node.text = text->get().data();
        node.text_length = text->get().size();
    } else if (auto *integer = value.as_integer()) {
        node.kind = CTOML_INTEGER;
        node.integer = integer->get();
    } else if (auto *number = value.as_floating_point()) {
        node.kind = CTOML_FLOAT;
        node.number = number->get();
    } else if (auto *boolean = value.as_boolean()) {
        node.kind = CTOML_BOOLEAN;
        node.integer = boolean->get();
    } else {
        node.kind = CTOML_DATE_TIME;
    }
    document.nodes.push_back(node);
}

// Without recursion: each container adds its children behind all that is there.
void flatten(ctoml_document &document) {
    std::vector<const toml::node *> values{&document.root};
    add(document, document.root, nullptr, -1);
    std::vector<uint32_t> depths{0};
    for (size_t index = 0; index < values.size(); index++) {
        auto parent = static_cast<int32_t>(index);
        depths.resize(values.size());
        depths[index] = index == 0 ? 0 : depths[document.nodes[index].parent] + 1;
        if (depths[index] > deepest) {
            auto place = values[index]->source().begin;
            document.nodes.clear();
            return document.fail("tables nested too deeply", place.line, place.column);
        }
        if (auto *table = values[index]->as_table()) {
            for (auto &&[key, value] : *table) {
                values.push_back(&value);
                add(document, value, &key, parent);
            }
        } else if (auto *array = values[index]->as_array()) {
            for (auto &&value : *array) {
                values.push_back(&value);
                add(document, value, nullptr, parent);
            }
        }
    }
}

}  // namespace

extern "C" {

ctoml_document *ctoml_parse(const char *bytes, size_t length) {
    auto *document = new (std::nothrow) ctoml_document;
    if (!document) return nullptr;
    try {
        std::string_view text(bytes, length);
        if (auto line = overlong_line(text)) {
            document->fail("too many dots in one line", line, 1);
            return document;
        }
        try {
            document->root = toml::parse(text);
            flatten(*document);
        } catch (const toml::parse_error &error) {
            auto place = error.source().begin;
            document->fail(std::string(error.description()), place.line, place.column);
        } catch (const ctoml_assertion &error) {
            document->fail(error.what(), asserting_line(text), 1);
        }
        return document;
    } catch (...) {
        delete document;
        return nullptr;
    }
}

void ctoml_free(ctoml_document *document) { delete document; }

const char *ctoml_error(const ctoml_document *document) {
    return document->error.empty() ? nullptr : document->error.c_str();
}

uint32_t ctoml_error_line(const ctoml_document *document) { return document->line; }

uint32_t ctoml_error_column(const ctoml_document *document) { return document->column; }

size_t ctoml_count(const ctoml_document *document) { return document->nodes.size(); }

struct ctoml_node ctoml_node_at(const ctoml_document *document, size_t index) { return document->nodes[index]; }
}
