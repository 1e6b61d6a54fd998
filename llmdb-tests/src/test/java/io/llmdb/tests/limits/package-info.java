@NullMarked
package io.llmdb.tests.limits;

import org.jspecify.annotations.NullMarked;
