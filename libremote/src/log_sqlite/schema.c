/* The file's tables and every statement that is run on them. */
#include <string.h>
#include <zlib.h>

#include "log_sqlite/sqlite_store.h"
#include "remote/limits.h"

/* Blocks are appended by rowid, which keeps inserting cheap; the index finds them, and being
 * unique it makes it impossible that two processes number the same message. They lie at their log's
 * `place`: a log that begins anew, or is deleted, leaves its place to `garbage` at once, and its
 * blocks go a few at a time (tidy.c). The partial index finds snapshot sets without reading what
 * lies between. */
const char lrm__sqlite_schema[] =
    "CREATE TABLE store("
    "  id INTEGER PRIMARY KEY CHECK(id = 1),"
    "  generation INTEGER NOT NULL,"
    "  place INTEGER NOT NULL);"
    "INSERT INTO store VALUES(1, 0, 0);"
    "CREATE TABLE log("
    "  id INTEGER PRIMARY KEY,"
    "  account INTEGER NOT NULL, session BLOB NOT NULL, kind INTEGER NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  epoch BLOB NOT NULL, line INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, end INTEGER NOT NULL,"
    "  snapshot INTEGER NOT NULL, snapshot_end INTEGER NOT NULL,"
    "  clears_tail INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  set_start INTEGER NOT NULL, set_parts INTEGER NOT NULL, set_next INTEGER NOT NULL,"
    "  place INTEGER NOT NULL,"
    "  UNIQUE(account, session, kind));"
    "CREATE TABLE block("
    "  id INTEGER PRIMARY KEY,"
    "  place INTEGER NOT NULL, offset INTEGER NOT NULL,"
    "  count INTEGER NOT NULL, flags INTEGER NOT NULL, inflated_bytes INTEGER NOT NULL,"
    "  part INTEGER NOT NULL, parts INTEGER NOT NULL, writer_generation INTEGER NOT NULL,"
    "  payload BLOB NOT NULL, crc INTEGER);"
    "CREATE UNIQUE INDEX block_place ON block(place, offset);"
    "CREATE INDEX block_set ON block(place, offset) WHERE part = 1;"
    "CREATE TABLE garbage("
    "  place INTEGER PRIMARY KEY, before INTEGER NOT NULL);"
    "CREATE TABLE writer("
    "  log INTEGER NOT NULL, line INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, generation INTEGER NOT NULL,"
    "  PRIMARY KEY(log, line, first)) WITHOUT ROWID;"
    "CREATE TABLE former("
    "  log INTEGER NOT NULL, epoch BLOB NOT NULL,"
    "  PRIMARY KEY(log, epoch)) WITHOUT ROWID;"
    "CREATE TABLE record("
    "  space INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    "  PRIMARY KEY(space, key)) WITHOUT ROWID;";

/* Format 1 had neither places nor checksums. Nothing of it is rewritten. */
const char lrm__sqlite_from_1[] =
    "ALTER TABLE store ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE log ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "UPDATE log SET place = id;"
    "ALTER TABLE block RENAME COLUMN log TO place;"
    "ALTER TABLE block ADD COLUMN crc INTEGER;"
    "CREATE INDEX block_set ON block(place, offset) WHERE part = 1;"
    "CREATE TABLE garbage(place INTEGER PRIMARY KEY, before INTEGER NOT NULL);"
    "DELETE FROM writer WHERE line <> (SELECT line FROM log WHERE log.id = writer.log);"
    "DELETE FROM former WHERE (SELECT kind FROM log WHERE log.id = former.log) <> 1;";

#define PLACE_OF_LOG "(SELECT place FROM log WHERE id = ?1)"

const char *const lrm__sqlite_write_texts[WRITE_COUNT] = {
    [WRITE_BEGIN] = "BEGIN IMMEDIATE",
    [WRITE_COMMIT] = "COMMIT",
    [WRITE_ROLLBACK] = "ROLLBACK",
    [WRITE_GENERATION] = "SELECT generation FROM store",
    [WRITE_CLAIM] = "UPDATE store SET generation = ?1",
    [WRITE_LOG_INSERT] =
        "INSERT INTO log(id, account, session, kind, version, epoch, line, first,"
        " end, snapshot, snapshot_end, clears_tail, bytes, set_start, set_parts,"
        " set_next, place) VALUES(?1, ?14, ?15, ?16, ?2 + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
        " ?10, ?11, ?12, ?13, ?17)",
    [WRITE_LOG_UPDATE] =
        "UPDATE log SET version = ?2 + 1, epoch = ?3, line = ?4, first = ?5,"
        " end = ?6, snapshot = ?7, snapshot_end = ?8, clears_tail = ?9,"
        " bytes = ?10, set_start = ?11, set_parts = ?12, set_next = ?13"
        " WHERE id = ?1 AND version = ?2",
    [WRITE_LOG_DELETE] = "DELETE FROM log WHERE id = ?1",
    [WRITE_BLOCK_INSERT] =
        "INSERT INTO block(place, offset, count, flags, inflated_bytes, part,"
        " parts, writer_generation, payload, crc)"
        " VALUES(" PLACE_OF_LOG ", ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [WRITE_GARBAGE_ADD] =
        "INSERT INTO garbage(place, before) SELECT place, ?2 FROM log WHERE id = ?1"
        " ON CONFLICT(place) DO UPDATE SET before = max(before, excluded.before)",
    [WRITE_GARBAGE_NEXT] = "SELECT place, before FROM garbage LIMIT 1",
    [WRITE_GARBAGE_SWEEP] =
        "DELETE FROM block WHERE id IN (SELECT id FROM block WHERE place = ?1 AND"
        " offset < ?2 ORDER BY offset LIMIT ?3)",
    [WRITE_GARBAGE_REMOVE] = "DELETE FROM garbage WHERE place = ?1",
    [WRITE_PLACE_NEXT] = "UPDATE store SET place = place - 1 RETURNING place",
    [WRITE_PLACE_SET] = "UPDATE log SET place = ?2 WHERE id = ?1",
    [WRITE_PAGES_FREE] = "PRAGMA freelist_count",
    [WRITE_PAGES_ALL] = "PRAGMA page_count",
    [WRITE_PAGES_RETURN] = "PRAGMA incremental_vacuum(256)",
    [WRITE_WRITER_INSERT] =
        "INSERT INTO writer(log, line, first, generation)"
        " VALUES(?1, ?2, ?3, ?4)",
    [WRITE_WRITERS_DELETE] = "DELETE FROM writer WHERE log = ?1",
    [WRITE_FORMER_INSERT] = "INSERT INTO former(log, epoch) VALUES(?1, ?2)",
    [WRITE_FORMERS_DELETE] = "DELETE FROM former WHERE log = ?1",
    [WRITE_RECORD_PUT] =
        "INSERT INTO record(space, key, value) VALUES(?1, ?2, ?3)"
        " ON CONFLICT(space, key) DO UPDATE SET value = excluded.value",
    [WRITE_RECORD_REMOVE] = "DELETE FROM record WHERE space = ?1 AND key = ?2",
};

#define BLOCK_COLUMNS \
  "offset, count, flags, inflated_bytes, part, parts, writer_generation, payload, crc"
#define META_COLUMNS                                                                           \
  "epoch, line, first, end, snapshot, snapshot_end, clears_tail, bytes, set_start, set_parts," \
  " set_next"

const char *const lrm__sqlite_read_texts[READ_COUNT] = {
    [READ_NEXT_LOG] = "SELECT ifnull(max(id), 0) + 1 FROM log",
    [READ_FIND] = "SELECT id, version, " META_COLUMNS
                  " FROM log WHERE account = ?1 AND session = ?2 AND kind = ?3",
    [READ_WRITERS] =
        "SELECT first, generation FROM writer WHERE log = ?1 AND line = ?2"
        " ORDER BY first",
    [READ_FORMERS] = "SELECT epoch FROM former WHERE log = ?1",
    [READ_LOGS] = "SELECT account, session, kind, id FROM log ORDER BY id",
    [READ_BLOCKS] = "SELECT " BLOCK_COLUMNS " FROM block WHERE place = " PLACE_OF_LOG
                    " AND offset >= (SELECT max(offset) FROM block WHERE place = " PLACE_OF_LOG
                    " AND offset <= ?2) ORDER BY offset",
    [READ_MEASURE] =
        "SELECT ifnull(sum(length(payload)), 0) FROM block"
        " WHERE place = " PLACE_OF_LOG " AND offset >= ?2 AND offset < ?3",
    [READ_NEXT_SET] = "SELECT offset FROM block WHERE place = " PLACE_OF_LOG
                      " AND offset >= ?2 AND part = 1 ORDER BY offset LIMIT 1",
    [READ_RECORD] = "SELECT value FROM record WHERE space = ?1 AND key = ?2",
    [READ_RECORDS] = "SELECT key, value FROM record WHERE space = ?1 ORDER BY key",
};

void lrm__sqlite_bind(sqlite3_stmt *statement, int at, uint64_t value) {
  sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

uint64_t lrm__sqlite_column(sqlite3_stmt *statement, int at) {
  return (uint64_t)sqlite3_column_int64(statement, at);
}

/* Of everything that a block says. A block that changes on its way to the disk and back must not
 * reach a reader as another one. */
uint32_t lrm__sqlite_crc(const lrm_block *block) {
  const uint64_t numbers[] = {block->offset,           block->count, block->flags,
                              block->inflated_bytes,   block->part,  block->parts,
                              block->writer_generation};
  uint8_t head[sizeof numbers];
  for (size_t i = 0; i < sizeof head; i++) head[i] = (uint8_t)(numbers[i / 8] >> (8 * (i % 8)));
  uLong crc = crc32(crc32(0, NULL, 0), head, sizeof head);
  if (block->payload.bytes > 0) crc = crc32(crc, block->payload.data, (uInt)block->payload.bytes);
  return (uint32_t)crc;
}

/* A NULL pointer would bind NULL, not an empty blob. The bytes must stay until reset. */
void lrm__sqlite_bind_blob(sqlite3_stmt *statement, int at, const void *data, size_t bytes) {
  sqlite3_bind_blob(statement, at, bytes == 0 ? "" : data, (int)bytes, SQLITE_STATIC);
}

bool lrm__sqlite_column_id(sqlite3_stmt *statement, int at, lrm_id *id) {
  const void *data = sqlite3_column_blob(statement, at);
  if (data == NULL || sqlite3_column_bytes(statement, at) != (int)sizeof id->bytes) return false;
  memcpy(id->bytes, data, sizeof id->bytes);
  return true;
}

bool lrm__sqlite_column_whole(sqlite3_stmt *statement, int at, const lrm_block *block) {
  /* Written by format 1: it has none. */
  if (sqlite3_column_type(statement, at + 8) == SQLITE_NULL) return true;
  return lrm__sqlite_column(statement, at + 8) == lrm__sqlite_crc(block);
}

bool lrm__sqlite_column_block(sqlite3_stmt *statement, int at, lrm_block *block) {
  uint64_t numbers[7];
  for (int i = 0; i < 7; i++) numbers[i] = lrm__sqlite_column(statement, at + i);
  for (int i = 1; i < 6; i++)
    if (numbers[i] > UINT32_MAX) return false;
  const void *payload = sqlite3_column_blob(statement, at + 7);
  int bytes = sqlite3_column_bytes(statement, at + 7);
  *block = (lrm_block){.offset = numbers[0],
                       .count = (uint32_t)numbers[1],
                       .flags = (uint32_t)numbers[2],
                       .inflated_bytes = (uint32_t)numbers[3],
                       .part = (uint32_t)numbers[4],
                       .parts = (uint32_t)numbers[5],
                       .writer_generation = numbers[6],
                       .payload = {payload, (size_t)bytes}};
  if (bytes > 0 && payload == NULL) return false;
  return block->count > 0 && block->offset <= LRM_OFFSET_MAX - block->count &&
         block->payload.bytes <= LRM_FRAME_PAYLOAD_BYTES_MAX;
}

bool lrm__sqlite_column_meta(sqlite3_stmt *statement, int at, lrm__log_meta *meta) {
  if (!lrm__sqlite_column_id(statement, at, &meta->epoch)) return false;
  uint64_t parts = lrm__sqlite_column(statement, at + 9);
  uint64_t next = lrm__sqlite_column(statement, at + 10);
  if (parts > UINT32_MAX || next > UINT32_MAX) return false;
  meta->line = lrm__sqlite_column(statement, at + 1);
  meta->first = lrm__sqlite_column(statement, at + 2);
  meta->end = lrm__sqlite_column(statement, at + 3);
  meta->snapshot = lrm__sqlite_column(statement, at + 4);
  meta->snapshot_end = lrm__sqlite_column(statement, at + 5);
  meta->clears_tail = lrm__sqlite_column(statement, at + 6);
  meta->bytes = lrm__sqlite_column(statement, at + 7);
  meta->set_start = lrm__sqlite_column(statement, at + 8);
  meta->set_parts = (uint32_t)parts;
  meta->set_next = (uint32_t)next;
  return true;
}
