/** Brings a LiteLLM database in: people, keys, budgets, models, logs and totals. */
@NullMarked
package io.llmdb.litellm;

import org.jspecify.annotations.NullMarked;
