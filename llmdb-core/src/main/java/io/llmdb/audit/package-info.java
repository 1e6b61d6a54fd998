/** The audit log: who changed what. */
@NullMarked
package io.llmdb.audit;

import org.jspecify.annotations.NullMarked;
