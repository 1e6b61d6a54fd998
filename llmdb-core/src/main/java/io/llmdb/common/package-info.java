/** Values that several subjects share: durations, limits, pages, who acts. */
@NullMarked
package io.llmdb.common;

import org.jspecify.annotations.NullMarked;
