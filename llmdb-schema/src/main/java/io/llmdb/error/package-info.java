/** The root of all exceptions of this library and those that any part of it throws. */
@NullMarked
package io.llmdb.error;

import org.jspecify.annotations.NullMarked;
