/** Reports and the check of the books, on a real database. */
@NullMarked
package io.llmdb.tests.usage;

import org.jspecify.annotations.NullMarked;
