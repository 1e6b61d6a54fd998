/** Budget windows: which stretch of the calendar an instant belongs to. */
@NullMarked
package io.llmdb.windows;

import org.jspecify.annotations.NullMarked;
