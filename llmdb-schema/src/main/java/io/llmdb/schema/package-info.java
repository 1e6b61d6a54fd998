/**
 * The database's schema: its migrations and what runs them. The generated tables are in {@code io.llmdb.schema.jooq}.
 */
@NullMarked
package io.llmdb.schema;

import org.jspecify.annotations.NullMarked;
