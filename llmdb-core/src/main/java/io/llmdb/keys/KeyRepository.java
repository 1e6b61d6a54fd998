package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.REPLACED_KEY;
import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.CounterWindows;
import io.llmdb.identity.KeyArchive;
import io.llmdb.identity.Store;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.ModelRateLimits;
import io.llmdb.internal.Tx;
import io.llmdb.schema.jooq.tables.records.VirtualKeyRow;
import io.llmdb.windows.BudgetCalendar;
import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jooq.exception.DataAccessException;

/**
 * Virtual keys.
 *
 * <p>A key is kept and named by its hash, the lower-case SHA-256 hex of the whole key; the key itself is in the answer
 * of {@code create} and {@code rotate} alone. Every change is one transaction, with its row in the audit log where that
 * is kept. Safe for use by several threads.
 */
public final class KeyRepository {

    /** A key that a caller brings has at least so many characters. */
    public static final int SHORTEST_OWN_KEY = 16;

    private static final int RANDOM_BYTES = 32;
    private static final Duration LONGEST_GRACE = Duration.ofDays(3660);

    private final Db db;
    private final AuditTrail audit;
    private final CounterWindows windows;
    private final Actor actor;
    private final Store<VirtualKeyRow> store;
    private final KeyArchive archive;
    private final KeyRotation rotation;
    private final KeyBlock block;
    private final SecureRandom random;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public KeyRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(db, audit, new CounterWindows(calendar), Actor.SYSTEM, new SecureRandom());
    }

    private KeyRepository(Db db, AuditTrail audit, CounterWindows windows, Actor actor, SecureRandom random) {
        this.db = db;
        this.audit = audit;
        this.windows = windows;
        this.actor = actor;
        this.random = random;
        this.store = new Store<>(db, audit, actor, VIRTUAL_KEY, "virtual key");
        this.archive = new KeyArchive(audit);
        this.rotation = new KeyRotation(db.sql(), store, archive);
        this.block = new KeyBlock(db, audit, store);
    }

    /**
     * @param other who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public KeyRepository as(Actor other) {
        return new KeyRepository(db, audit, windows, other, random);
    }

    /**
     * Makes a key of 32 random bytes.
     *
     * @param spec what to set
     * @return the key, which cannot be seen again
     * @throws NotFoundException where the user, team, organization or budget row does not exist
     * @throws ConflictException where the team belongs to another organization, or the budget row to another object
     * @throws InvalidArgumentException where a value breaks a rule
     */
    public IssuedKey create(VirtualKeySpec spec) {
        String rawKey = newKey();
        return new IssuedKey(rawKey, insert(rawKey, spec));
    }

    /**
     * Takes a key that somebody brings.
     *
     * @param spec what to set
     * @param rawKey the key: starts with {@code sk-} and has 16 characters or more
     * @return what is kept of it
     * @throws AlreadyExistsException where there is this key already, or was and still leads to the one that replaced
     *     it
     * @throws NotFoundException where the user, team, organization or budget row does not exist
     * @throws ConflictException where the team belongs to another organization, or the budget row to another object
     * @throws InvalidArgumentException where the key or a value breaks a rule
     */
    public VirtualKey create(VirtualKeySpec spec, String rawKey) {
        return insert(checked(rawKey), spec);
    }

    /**
     * @param hash its hash
     * @return the key, or empty
     */
    public Optional<VirtualKey> find(String hash) {
        return store.find(store.is(hash(hash)), KeyRows::key);
    }

    /**
     * @param rawKey the key itself
     * @return what is kept of it, or empty; empty for a key that was replaced
     */
    public Optional<VirtualKey> findByRawKey(String rawKey) {
        return find(KeyHash.of(rawKey));
    }

    /**
     * @param hash its hash
     * @return the key
     * @throws NotFoundException where there is none
     */
    public VirtualKey require(String hash) {
        return find(hash).orElseThrow(() -> store.missing(hash));
    }

    /**
     * @param hash its hash
     * @return whether there is such a key
     */
    public boolean exists(String hash) {
        return store.exists(store.is(hash(hash)));
    }

    /**
     * Changes what an administrator sets. What was spent stays.
     *
     * @param hash its hash
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the key after the change
     * @throws NotFoundException where it, or what it shall point at, does not exist
     * @throws ConflictException where the team belongs to another organization, or the budget row to another object
     * @throws InvalidArgumentException where a value breaks a rule
     */
    public VirtualKey update(String hash, UnaryOperator<VirtualKeySpec> change) {
        hash(hash);
        return db.transaction(tx -> {
            VirtualKeyRow before = store.lock(tx, hash);
            Instant now = store.now(tx);
            VirtualKeySpec spec = change.apply(KeyRows.spec(before));
            ModelRateLimits.check(spec.metadata());
            VirtualKeyRow after = store.copy(before);
            KeyRows.apply(after, before, spec, now);
            KeyLinks.check(tx, before, after);
            windows.change(after, KeyLinks.windowDuration(tx, before), KeyLinks.windowDuration(tx, after), now);
            return KeyRows.key(store.update(tx, before, after, now));
        });
    }

    /**
     * Refuses every call with it from now on.
     *
     * @param hash its hash
     * @return the key after the change
     * @throws NotFoundException where there is none
     */
    public VirtualKey block(String hash) {
        return update(hash, spec -> spec.withBlocked(true));
    }

    /**
     * Lets calls with it in again.
     *
     * @param hash its hash
     * @return the key after the change
     * @throws NotFoundException where there is none
     */
    public VirtualKey unblock(String hash) {
        return update(hash, spec -> spec.withBlocked(false));
    }

    /**
     * Blocks all keys of a team.
     *
     * @param teamId the team
     * @return the hashes of the keys that were not blocked before
     */
    public List<String> blockKeysOfTeam(String teamId) {
        return block.set(VIRTUAL_KEY.TEAM_ID.eq(teamId), true);
    }

    /**
     * Lets all keys of a team in again.
     *
     * @param teamId the team
     * @return the hashes of the keys that were blocked before
     */
    public List<String> unblockKeysOfTeam(String teamId) {
        return block.set(VIRTUAL_KEY.TEAM_ID.eq(teamId), false);
    }

    /**
     * Blocks all keys of a user, personal ones and those for teams.
     *
     * @param userId the user
     * @return the hashes of the keys that were not blocked before
     */
    public List<String> blockKeysOfUser(String userId) {
        return block.set(VIRTUAL_KEY.USER_ID.eq(userId), true);
    }

    /**
     * Lets all keys of a user in again, personal ones and those for teams.
     *
     * @param userId the user
     * @return the hashes of the keys that were blocked before
     */
    public List<String> unblockKeysOfUser(String userId) {
        return block.set(VIRTUAL_KEY.USER_ID.eq(userId), false);
    }

    /**
     * Replaces a key by a new one of 32 random bytes. Everything else about it stays: what it spent, its budget, what
     * it points at.
     *
     * @param hash its hash
     * @param grace how long the old key, too, still works; nothing: it stops at once. Keys replaced earlier go on to
     *     the end of their own grace
     * @return the new key, which cannot be seen again
     * @throws NotFoundException where there is none, or it was replaced already
     * @throws InvalidArgumentException where the grace is negative or longer than ten years
     */
    public IssuedKey rotate(String hash, Duration grace) {
        return rotate(hash, grace, newKey());
    }

    /**
     * Replaces a key by one that somebody brings.
     *
     * @param hash its hash
     * @param grace how long the old key, too, still works
     * @param rawKey the new key: starts with {@code sk-} and has 16 characters or more
     * @return the new key
     * @throws AlreadyExistsException where there is the new key already
     * @throws NotFoundException where there is none, or it was replaced already
     * @throws InvalidArgumentException where the new key or the grace breaks a rule
     */
    public IssuedKey rotate(String hash, Duration grace, String rawKey) {
        hash(hash);
        checked(rawKey);
        checkGrace(grace);
        return db.transaction(tx -> rotate(tx, store.lockToDelete(tx, hash), grace, rawKey));
    }

    /**
     * Rotates the keys whose time has come. Several instances may do so at once; each key is rotated by one of them.
     *
     * @param grace how long the old keys, too, still work
     * @param receiver gets each new key before it is valid, and must have stored it when it returns; where it throws,
     *     that key is not rotated. May get a key that then never becomes valid, because the database was lost
     * @return what was done; a key that failed holds up no other
     * @throws InvalidArgumentException where the grace is negative or longer than ten years
     */
    public DueRotations rotateDue(Duration grace, Consumer<IssuedKey> receiver) {
        checkGrace(grace);
        List<String> rotated = new ArrayList<>();
        Map<String, LlmDbException> failed = new LinkedHashMap<>();
        while (true) {
            String[] picked = new String[1];
            try {
                IssuedKey issued = db.transaction(tx -> {
                    VirtualKeyRow due = rotation.due(tx, failed.keySet().toArray(new String[0]));
                    if (due == null) {
                        return null;
                    }
                    picked[0] = due.getToken();
                    IssuedKey key = rotate(tx, due, grace, newKey());
                    receiver.accept(key);
                    return key;
                });
                if (issued == null) {
                    return new DueRotations(rotated, failed);
                }
                rotated.add(issued.key().hash());
            } catch (RuntimeException e) {
                if (picked[0] == null || DbErrors.isUnavailable(e)) {
                    throw e;
                }
                failed.put(
                        picked[0],
                        e instanceof LlmDbException ours
                                ? ours
                                : new ConflictException(
                                        "The receiver refused the new key: "
                                                + e.getClass().getName(),
                                        e));
            }
        }
    }

    /**
     * Deletes a key; its row goes to the archive. What was spent with it stays in the logs and daily totals.
     *
     * @param hash its hash
     * @throws NotFoundException where there is none
     */
    public void delete(String hash) {
        hash(hash);
        db.transaction(tx -> {
            VirtualKeyRow row = store.lockToDelete(tx, hash);
            archive.archiveAndDelete(tx, row.getToken(), actor, store.now(tx));
            return true;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<VirtualKey> list(KeyFilter filter, PageRequest page) {
        return db.single(tx -> KeyList.order(filter.order())
                .page(
                        tx.dsl(),
                        VIRTUAL_KEY,
                        KeyList.where(filter, db.sql(), filter.expired() == null ? Instant.EPOCH : store.now(tx)),
                        page,
                        KeyRows::key));
    }

    private VirtualKey insert(String rawKey, VirtualKeySpec spec) {
        ModelRateLimits.check(spec.metadata());
        return db.transaction(tx -> {
            Instant now = store.now(tx);
            VirtualKeyRow row = tx.dsl().newRecord(VIRTUAL_KEY);
            row.setToken(KeyHash.of(rawKey));
            row.setKeyName(KeyHash.masked(rawKey));
            KeyRows.apply(row, row, spec, now);
            KeyLinks.check(tx, null, row);
            windows.change(row, null, KeyLinks.windowDuration(tx, row), now);
            VirtualKeyRow written = store.insert(tx, row, now);
            refuseReplaced(tx, row.getToken());
            return KeyRows.key(written);
        });
    }

    private IssuedKey rotate(Tx tx, VirtualKeyRow row, Duration grace, String rawKey) throws SQLException {
        try {
            VirtualKeyRow renewed = rotation.rotate(tx, row, rawKey, grace, actor, store.now(tx));
            refuseReplaced(tx, renewed.getToken());
            return new IssuedKey(rawKey, KeyRows.key(renewed));
        } catch (DataAccessException e) {
            if (DbErrors.isDuplicate(e)) {
                throw new AlreadyExistsException("There is this virtual key already");
            }
            throw e;
        }
    }

    /**
     * A hash that leads to a key already cannot lead to another one. Asked once the row with this hash is there: a
     * rotation that was on its way to replace the same hash has ended by then.
     */
    private static void refuseReplaced(Tx tx, String hash) {
        if (tx.dsl().fetchExists(REPLACED_KEY, REPLACED_KEY.TOKEN.eq(hash))) {
            throw new AlreadyExistsException("This virtual key was in use already, and was replaced by a rotation");
        }
    }

    private String newKey() {
        byte[] bytes = new byte[RANDOM_BYTES];
        random.nextBytes(bytes);
        return KeyHash.PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String checked(String rawKey) {
        if (!rawKey.startsWith(KeyHash.PREFIX)) {
            throw new InvalidArgumentException("The key does not start with " + KeyHash.PREFIX);
        }
        if (rawKey.length() < SHORTEST_OWN_KEY || rawKey.length() > KeyHash.MAX_LENGTH) {
            throw new InvalidArgumentException("The key has " + rawKey.length() + " characters: use " + SHORTEST_OWN_KEY
                    + " to " + KeyHash.MAX_LENGTH);
        }
        return rawKey;
    }

    /** A raw key must not get into a message that says there is none such. */
    private static String hash(String hash) {
        if (hash.startsWith(KeyHash.PREFIX)) {
            throw new InvalidArgumentException("hash: a raw key was given where its hash belongs");
        }
        return hash;
    }

    private static void checkGrace(Duration grace) {
        if (grace.isNegative() || grace.compareTo(LONGEST_GRACE) > 0) {
            throw new InvalidArgumentException(
                    "grace " + grace + ": use nothing to " + LONGEST_GRACE.toDays() + " days");
        }
    }
}
