package io.llmdb.internal;

/**
 * What this instance did of one job since it was opened.
 *
 * @param name the job's name
 * @param runs runs that ended well
 * @param failures runs that failed
 * @param lostClaims runs whose claim lapsed before they ended
 * @param running whether it runs here now
 */
public record JobMetrics(String name, long runs, long failures, long lostClaims, boolean running) {}
