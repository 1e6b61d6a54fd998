@NullMarked
package io.llmdb.tests.open;

import org.jspecify.annotations.NullMarked;
