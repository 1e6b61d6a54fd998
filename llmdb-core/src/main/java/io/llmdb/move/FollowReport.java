package io.llmdb.move;

/**
 * How the source is followed.
 *
 * @param method the method
 * @param reason why it is not logical replication, for people; empty where it is, or where another method was asked for
 */
public record FollowReport(FollowMethod method, String reason) {}
