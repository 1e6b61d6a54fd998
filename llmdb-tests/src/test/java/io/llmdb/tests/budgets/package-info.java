@NullMarked
package io.llmdb.tests.budgets;

import org.jspecify.annotations.NullMarked;
