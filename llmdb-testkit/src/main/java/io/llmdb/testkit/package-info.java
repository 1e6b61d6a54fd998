/**
 * What the tests of a proxy use: a migrated PostgreSQL database for each test, a clock to move, connections to cut,
 * processes to kill.
 *
 * <p>Start at {@link io.llmdb.testkit.LlmDbExtension}.
 */
@NullMarked
package io.llmdb.testkit;

import org.jspecify.annotations.NullMarked;
