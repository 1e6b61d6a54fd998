@NullMarked
package io.llmdb.litellm;

import org.jspecify.annotations.NullMarked;
