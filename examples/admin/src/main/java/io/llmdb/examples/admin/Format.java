package io.llmdb.examples.admin;

/** How a result is written. */
enum Format {
    /** For people. */
    TABLE,
    /** Comma-separated, as RFC 4180 has it, with a line of names. */
    CSV,
    /** A JSON array of objects; amounts are numbers with all their digits. */
    JSON
}
