/** What a person gets who sets something wrong, and that everybody else is left in peace. */
@NullMarked
package io.llmdb.settings;

import org.jspecify.annotations.NullMarked;
