/** The way of a finished request into the books. */
@NullMarked
package io.llmdb.spend;

import org.jspecify.annotations.NullMarked;
