/**
 * Settings: read from the proxy's YAML, the environment and a builder, checked as a whole, and handed on as small
 * immutable records. {@link io.llmdb.settings.LlmDbSettings} is the way in.
 */
@NullMarked
package io.llmdb.settings;

import org.jspecify.annotations.NullMarked;
