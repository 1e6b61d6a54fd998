/**
 * The work that keeps the logs in shape: partitions that come and go, retention, indexes of days that are over, and the
 * state of all jobs.
 */
@NullMarked
package io.llmdb.maintenance;

import org.jspecify.annotations.NullMarked;
