/**
 * Moving a database to another server: a copy from one snapshot, passes over what changed since, and a cut-over that
 * loses nothing. See {@link io.llmdb.move.DatabaseMove}.
 */
@NullMarked
package io.llmdb.move;

import org.jspecify.annotations.NullMarked;
