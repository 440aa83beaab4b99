#!/usr/bin/env python3
"""What DuckDB makes of the same two tables: the objects of an entry list that a manifest does not hold with their ETags, without the
logs of tables, which are always taken.

    antijoin.py LIST MANIFEST [THREADS]      prints how many are taken, and their bytes
"""

import sys

import duckdb

listed, held, *threads = sys.argv[1:]
connection = duckdb.connect()
if threads:
    connection.execute(f"SET threads = {int(threads[0])}")


def table(path):
    columns = ("delim = '\t', header = true, all_varchar = true, quote = '', escape = '', compression = 'gzip', "
               "max_line_size = 1048576")
    return f"read_csv('{path}', {columns})"


count, size = connection.execute(
    f"""SELECT count(*), sum(CAST(l.size AS BIGINT)) FROM {table(listed)} l
        ANTI JOIN (SELECT key, identity FROM {table(held)} WHERE object IS NOT NULL AND object <> '') h
        ON l.key = h.key AND l.identity = h.identity
        WHERE l."class" IN ('STANDARD', 'INTELLIGENT_TIERING') AND NOT contains(l.key, '/_delta_log/')""").fetchone()
print(count, size)
