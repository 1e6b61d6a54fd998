@NullMarked
package io.llmdb.tests.litellm;

import org.jspecify.annotations.NullMarked;
