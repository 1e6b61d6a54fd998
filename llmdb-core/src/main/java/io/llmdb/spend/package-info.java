/** The way of a finished request into the books: the event, its delivery, the one transaction that books it. */
@NullMarked
package io.llmdb.spend;

import org.jspecify.annotations.NullMarked;
