/** Limits that hold over all instances: requests and tokens per minute, parallel requests. */
@NullMarked
package io.llmdb.limits;

import org.jspecify.annotations.NullMarked;
