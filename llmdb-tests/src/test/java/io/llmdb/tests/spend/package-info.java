@NullMarked
package io.llmdb.tests.spend;

import org.jspecify.annotations.NullMarked;
