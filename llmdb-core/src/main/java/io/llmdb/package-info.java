/** The entry point: {@link io.llmdb.LlmDb} opens everything else. */
@NullMarked
package io.llmdb;

import org.jspecify.annotations.NullMarked;
