/** Work that one instance does for all, on a real database. */
@NullMarked
package io.llmdb.tests.jobs;

import org.jspecify.annotations.NullMarked;
