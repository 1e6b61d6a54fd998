package io.llmdb;

import io.llmdb.internal.Job;
import io.llmdb.keys.DueRotations;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyRepository;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rotates the keys whose time has come.
 *
 * @param grace how long the old keys still work
 * @param receiver gets the new keys
 */
record KeyRotationJob(Duration grace, Consumer<IssuedKey> receiver) {

    private static final Logger LOG = LoggerFactory.getLogger(KeyRotationJob.class);
    private static final Duration PAUSE = Duration.ofMinutes(1);

    KeyRotationJob {
        Objects.requireNonNull(grace, "grace");
        Objects.requireNonNull(receiver, "receiver");
    }

    Job on(KeyRepository keys) {
        return Job.every("key_rotation", PAUSE, run -> {
            DueRotations done = keys.rotateDue(grace, receiver);
            done.failed()
                    .forEach((hash, why) -> LOG.warn(
                            "The virtual key with the hash {} is due but was not rotated: {}", hash, why.getMessage()));
        });
    }
}
