package io.llmdb.keys;

import io.llmdb.error.LlmDbException;
import java.time.Clock;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A caller as it was read, and what is left to check at each call.
 *
 * @param caller the caller
 * @param revokeAt when the key that was sent, replaced by a newer one, stops working; null: it is the newest
 * @param refusal what stands against every call; null: nothing
 * @param ends whether time can stand against a call
 */
record LoadedCaller(
        Caller caller, @Nullable Instant revokeAt, @Nullable Refusal refusal, boolean ends) {

    enum Refusal {
        KEY_BLOCKED,
        TEAM_MISSING,
        TEAM_BLOCKED
    }

    LoadedCaller(Caller caller, @Nullable Instant revokeAt) {
        this(
                caller,
                revokeAt,
                refusal(caller),
                revokeAt != null || caller.key().spec().expires() != null);
    }

    /**
     * @return the caller
     * @throws LlmDbException where the key is blocked, its time is over, or its team is blocked or missing
     */
    Caller admit(Clock clock) {
        if (refusal == null && !ends) {
            return caller;
        }
        return admitAt(clock.instant());
    }

    private Caller admitAt(Instant now) {
        VirtualKey key = caller.key();
        if (revokeAt != null && !now.isBefore(revokeAt)) {
            throw new UnknownKeyException("This key was replaced by a newer one and worked until " + revokeAt);
        }
        if (refusal == Refusal.KEY_BLOCKED) {
            throw new KeyBlockedException("The virtual key " + name(key) + " is blocked");
        }
        Instant expires = key.spec().expires();
        if (expires != null && expires.isBefore(now)) {
            throw new KeyExpiredException("The virtual key " + name(key) + " expired at " + expires);
        }
        if (refusal == Refusal.TEAM_BLOCKED) {
            throw new TeamBlockedException(
                    "The team \"" + key.spec().teamId() + "\" of the virtual key " + name(key) + " is blocked");
        }
        if (refusal == Refusal.TEAM_MISSING) {
            throw new TeamMissingException("The virtual key " + name(key) + " belongs to the team \""
                    + key.spec().teamId() + "\", which does not exist: give it another team, or delete it");
        }
        return caller;
    }

    private static @Nullable Refusal refusal(Caller caller) {
        if (caller.key().spec().blocked()) {
            return Refusal.KEY_BLOCKED;
        }
        if (caller.key().spec().teamId() != null && caller.team() == null) {
            return Refusal.TEAM_MISSING;
        }
        return caller.team() != null && caller.team().spec().blocked() ? Refusal.TEAM_BLOCKED : null;
    }

    static String name(VirtualKey key) {
        // A row from elsewhere might hold more than the end of the key there.
        String name = key.keyName() != null && key.keyName().matches("sk-\\.\\.\\..{1,4}")
                ? key.keyName()
                : "with hash " + key.hash();
        return key.spec().alias() == null ? name : name + " (" + key.spec().alias() + ")";
    }
}
