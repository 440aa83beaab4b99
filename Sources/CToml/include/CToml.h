#ifndef COLDCHAIN_CTOML_H
#define COLDCHAIN_CTOML_H

// TOML read by toml++ (https://marzer.github.io/tomlplusplus/), with the line and column of every key and value.
// No C++ exception leaves these calls. Lines and columns count from 1; a column counts code points.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctoml_document ctoml_document;

enum ctoml_kind {
    CTOML_TABLE,
    CTOML_ARRAY,
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    CTOML_DATE_TIME
};

/// One key with its value, or one element of an array. The bytes belong to the document.
struct ctoml_node {
    int32_t kind;    // enum ctoml_kind
    int32_t parent;  // the number of the table or array around it; -1 for the root
    const char *key;  // NULL for the root and for elements of an array
    size_t key_length;
    uint32_t key_line, key_column;
    uint32_t line, column;  // of the value; a table has those of its header
    const char *text;       // CTOML_STRING
    size_t text_length;
    int64_t integer;  // CTOML_INTEGER, and 0 or 1 for CTOML_BOOLEAN
    double number;    // CTOML_FLOAT
};

/// Parses UTF-8 text.
///
/// Returns a document, which ctoml_free must free, or NULL when there is no memory.
ctoml_document *ctoml_parse(const char *bytes, size_t length);
void ctoml_free(ctoml_document *document);

/// What is wrong with the text, or NULL; a document with an error has no nodes.
const char *ctoml_error(const ctoml_document *document);
uint32_t ctoml_error_line(const ctoml_document *document);
uint32_t ctoml_error_column(const ctoml_document *document);

/// The nodes, each after its parent: node 0 is the root table.
size_t ctoml_count(const ctoml_document *document);
/// The caller keeps `index` below ctoml_count.
struct ctoml_node ctoml_node_at(const ctoml_document *document, size_t index);

#ifdef __cplusplus
}
#endif
#endif
