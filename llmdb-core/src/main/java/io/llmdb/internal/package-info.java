/**
 * What the other packages stand on: connections, transactions, JSON, ids, the database's clock. Not API: types here may
 * change at any time, and no public signature outside names one except the constructors that {@code LlmDb} calls.
 */
@NullMarked
package io.llmdb.internal;

import org.jspecify.annotations.NullMarked;
