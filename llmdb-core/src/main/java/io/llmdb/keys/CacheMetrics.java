package io.llmdb.keys;

/**
 * What a cache did since it was made.
 *
 * @param hits answers from the cache
 * @param unknownHits answers from the cache that there is no such thing
 * @param misses answers for which the database was asked
 * @param queries queries for these; simultaneous misses share one
 * @param size how many things are kept, about
 * @param unknownSize how many are remembered as absent, about
 */
public record CacheMetrics(long hits, long unknownHits, long misses, long queries, long size, long unknownSize) {}
