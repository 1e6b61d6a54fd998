package io.llmdb.keys;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.internal.Db;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Virtual keys: made, edited, blocked, rotated, deleted, listed. Safe for use by several threads. */
@SuppressWarnings("DoNotCallSuggester")
public final class KeyRepository {

    /**
     * @param db the database
     * @param audit records every change
     * @param calendar says where budget windows begin
     */
    public KeyRepository(Db db, AuditTrail audit, io.llmdb.windows.BudgetCalendar calendar) {}

    /**
     * @param actor who makes the changes
     * @return the same repository for this actor
     */
    public KeyRepository as(Actor actor) {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes a key.
     *
     * @param spec what it may do
     * @return the key, seen this once
     */
    public IssuedKey create(VirtualKeySpec spec) {
        throw new UnsupportedOperationException();
    }

    /**
     * Takes a key that the caller made.
     *
     * @param spec what it may do
     * @param rawKey the key: starts with {@code sk-}, at least 16 characters
     * @return what is kept
     */
    public VirtualKey create(VirtualKeySpec spec, String rawKey) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @return the key
     */
    public Optional<VirtualKey> find(String hash) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @param change what to set, from what is set
     * @return the key as it is afterwards
     */
    public VirtualKey update(String hash, UnaryOperator<VirtualKeySpec> change) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @return the key as it is afterwards
     */
    public VirtualKey block(String hash) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @return the key as it is afterwards
     */
    public VirtualKey unblock(String hash) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @param grace how long the old key still works; zero: it stops at once
     * @return the new key, seen this once
     */
    public IssuedKey rotate(String hash, Duration grace) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param hash the hash of a key
     * @return whether there was one
     */
    public boolean delete(String hash) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param filter which keys
     * @param order in which order
     * @param page which page
     * @return the page
     */
    public Page<VirtualKey> list(KeyFilter filter, KeyOrder order, PageRequest page) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param teamId a team
     * @return the hashes of the keys that this blocked
     */
    public List<String> blockKeysOfTeam(String teamId) {
        throw new UnsupportedOperationException();
    }
}
