package io.llmdb.keys;

import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import java.util.Optional;

/** Tells who calls. Safe for use by several threads. */
@SuppressWarnings("DoNotCallSuggester")
public final class Authenticator {

    /**
     * @param db the database
     * @param clock the database's clock
     * @param feed tells what changes
     * @param settings sizes and times
     */
    public Authenticator(
            io.llmdb.internal.Db db,
            io.llmdb.internal.DbClock clock,
            io.llmdb.internal.ChangeFeed feed,
            AuthenticationSettings settings) {}

    /**
     * @param rawKey what the caller sent
     * @return who calls
     */
    public Caller authenticate(String rawKey) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of what the caller sent
     * @return who calls
     */
    public Caller authenticateHash(String hash) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param id an end user's id, as sent by the caller
     * @return the end user, or empty where it has no row
     * @throws EndUserBlockedException where it is blocked
     */
    public Optional<EndUser> endUser(String id) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param name a tag, as sent by the caller
     * @return the tag, or empty where it has no row
     */
    public Optional<Tag> tag(String name) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param id a budget row's id
     * @return the budget row, or empty where there is none
     */
    public Optional<Budget> budget(String id) {
        throw new UnsupportedOperationException();
    }
}
