package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import java.util.Objects;

/**
 * Who makes a change: goes into {@code created_by}, {@code updated_by} and the audit log.
 *
 * @param id a user's id, or a name for a system; empty: unknown
 * @param keyHash the hash of the virtual key that the change was asked for with; empty: none
 */
public record Actor(String id, String keyHash) {

    /** Nobody in particular. */
    public static final Actor SYSTEM = new Actor("system", "");

    /**
     * Checks that no raw key is given for its hash.
     *
     * @throws InvalidArgumentException where {@code keyHash} starts with {@code sk-}
     */
    public Actor {
        Objects.requireNonNull(id, "id");
        if (keyHash.startsWith("sk-")) {
            throw new InvalidArgumentException("keyHash: a raw key was given where its hash belongs");
        }
    }
}
