/** Reports, and the check that the books agree. */
@NullMarked
package io.llmdb.usage;

import org.jspecify.annotations.NullMarked;
