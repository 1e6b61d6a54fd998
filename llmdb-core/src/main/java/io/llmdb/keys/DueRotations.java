package io.llmdb.keys;

import io.llmdb.error.LlmDbException;
import java.util.List;
import java.util.Map;

/**
 * What one run of scheduled rotation did.
 *
 * @param rotated the new hashes of the keys that were rotated
 * @param failed the hash of each key that was not → why not; all else about it is as before
 */
public record DueRotations(List<String> rotated, Map<String, LlmDbException> failed) {

    /** Copies both. */
    public DueRotations {
        rotated = List.copyOf(rotated);
        failed = Map.copyOf(failed);
    }
}
