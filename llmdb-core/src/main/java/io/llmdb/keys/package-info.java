/** Virtual keys and the authentication of callers. */
@NullMarked
package io.llmdb.keys;

import org.jspecify.annotations.NullMarked;
