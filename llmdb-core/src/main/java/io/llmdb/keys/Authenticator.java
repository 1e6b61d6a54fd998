package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.BUDGET;
import static io.llmdb.schema.jooq.Tables.END_USER;
import static io.llmdb.schema.jooq.Tables.TAG;

import io.llmdb.common.Meter;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Rows;
import io.llmdb.identity.Tag;
import io.llmdb.internal.ChangeFeed;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.schema.jooq.tables.records.BudgetRow;
import io.llmdb.schema.jooq.tables.records.EndUserRow;
import io.llmdb.schema.jooq.tables.records.TagRow;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Tells who calls, and what is known of those whom a call names: end users, tags, and their budgets.
 *
 * <p>Answers come from memory, or from the database in one round trip, in which simultaneous misses share. Where most
 * of the keys that are read have users, teams and budgets that are in memory already, the database is asked for the key
 * alone, and a second time where one of them is not there after all. What is in memory is at most
 * {@link AuthenticationSettings#maxStaleness()} old: the change feed takes away what any instance changed. Expiry, and
 * the end of a replaced key's grace, are checked at each call against the database's clock.
 *
 * <p>Keys that do not exist cost little: they are remembered for a short time; those that keep coming are told from
 * real ones by a set of all keys' hashes, held in memory from the first such flood on, so that the database sees no
 * more queries for them than {@link AuthenticationSettings#unknownLookupsPerSecond()}. A key made on another instance
 * may so be unknown here for as long as any change takes to be known, and no longer.
 *
 * <p>While the database cannot be read, known callers go on or are refused with {@link DatabaseUnavailableException},
 * as {@link AuthenticationSettings#allowWhenUnavailable()} says; nobody is refused as unknown. What changed shortly
 * before, and keys that are not in memory, are always refused so.
 *
 * <p>Safe for use by several threads.
 */
public final class Authenticator implements AutoCloseable {

    private final DbClock clock;
    private final ChangeFeed feed;
    private final SurroundingsCache surroundings;
    private final FreshCache<KeyDigest, LoadedCaller> callers;
    private final FreshCache<String, EndUser> endUsers;
    private final FreshCache<String, Tag> tags;
    private final FreshCache<String, Budget> budgets;
    private final KeySetLoader keys;
    private final TokenBucket unknownLookups;
    private final ChangeFeed.Listener invalidation;
    private final LongAdder malformed = new LongAdder();
    private final LongAdder withoutQuery = new LongAdder();
    private volatile Runnable guard = () -> {};

    /**
     * @param db the database
     * @param clock the database's clock
     * @param feed tells what changes; to be started afterwards, or already
     * @param settings sizes and times
     */
    public Authenticator(Db db, DbClock clock, ChangeFeed feed, AuthenticationSettings settings) {
        this.clock = Objects.requireNonNull(clock, "clock");
        this.feed = Objects.requireNonNull(feed, "feed");
        this.unknownLookups = new TokenBucket(settings.unknownLookupsPerSecond());
        this.keys = new KeySetLoader(db);
        Duration timeout = settings.lookupTimeout();
        int size = settings.cacheSize();
        this.surroundings = new SurroundingsCache(feed, settings);
        this.callers =
                new FreshCache<>(feed, settings, size, unknownLookups, new CallerQuery(db, timeout, surroundings));
        this.endUsers = new FreshCache<>(
                feed,
                settings,
                size,
                null,
                new NamedRows<>(db, timeout, END_USER.USER_ID, EndUserRow::new, Rows::endUser));
        this.tags = new FreshCache<>(
                feed, settings, size, null, new NamedRows<>(db, timeout, TAG.TAG_NAME, TagRow::new, Rows::tag));
        this.budgets = new FreshCache<>(
                feed,
                settings,
                size,
                null,
                new NamedRows<>(db, timeout, BUDGET.BUDGET_ID, BudgetRow::new, Rows::budget));
        this.invalidation = new CallerInvalidation(surroundings, callers, endUsers, tags, budgets, keys);
        feed.addListener(invalidation);
    }

    /**
     * Sets what each call asks first.
     *
     * @param check throws where nobody is let in; replaces the one before
     */
    public void guardedBy(Runnable check) {
        guard = Objects.requireNonNull(check, "check");
    }

    /**
     * Tells whose key this is.
     *
     * @param rawKey what the caller sent
     * @return who calls
     * @throws UnknownKeyException where there is no such key, or no longer
     * @throws KeyBlockedException where the key is blocked
     * @throws KeyExpiredException where its time is over
     * @throws TeamBlockedException where its team is blocked
     * @throws TeamMissingException where its team does not exist
     * @throws DatabaseUnavailableException where the database would have to be asked and cannot be reached
     * @throws io.llmdb.error.DatabaseMovedException where the database has moved to another server
     */
    public Caller authenticate(String rawKey) {
        guard.run();
        if (!KeyHash.isWellFormed(rawKey)) {
            malformed.increment();
            throw new UnknownKeyException("This is no virtual key: keys start with " + KeyHash.PREFIX);
        }
        KeyDigest digest = KeyDigest.ofKey(rawKey);
        LoadedCaller kept = callers.kept(digest);
        if (kept != null) {
            return kept.admit(clock);
        }
        LoadedCaller read = find(digest);
        if (read == null) {
            throw new UnknownKeyException("There is no virtual key " + KeyHash.masked(rawKey));
        }
        return read.admit(clock);
    }

    /**
     * Tells whose key has this hash.
     *
     * @param hash the hash of what the caller sent, in lower case
     * @return who calls
     * @throws UnknownKeyException where there is no such key, or no longer
     * @throws KeyBlockedException where the key is blocked
     * @throws KeyExpiredException where its time is over
     * @throws TeamBlockedException where its team is blocked
     * @throws TeamMissingException where its team does not exist
     * @throws DatabaseUnavailableException where the database would have to be asked and cannot be reached
     * @throws io.llmdb.error.DatabaseMovedException where the database has moved to another server
     */
    public Caller authenticateHash(String hash) {
        guard.run();
        KeyDigest digest = KeyDigest.ofHash(hash);
        if (digest == null) {
            malformed.increment();
            throw new UnknownKeyException("This is no hash of a virtual key: it has 64 characters, 0 to 9 and a to f");
        }
        LoadedCaller kept = callers.kept(digest);
        LoadedCaller found = kept == null ? find(digest) : kept;
        if (found == null) {
            throw new UnknownKeyException("There is no virtual key with the hash " + hash);
        }
        return found.admit(clock);
    }

    /**
     * An end user, by the id that a call names.
     *
     * @param id the id
     * @return the end user, or empty where nobody has made it known
     * @throws EndUserBlockedException where it is blocked
     * @throws DatabaseUnavailableException where the database would have to be asked and cannot be reached
     */
    public Optional<EndUser> endUser(String id) {
        EndUser found = isStorable(id) ? endUsers.get(id) : null;
        if (found != null && found.spec().blocked()) {
            throw new EndUserBlockedException("The end user \"" + id + "\" is blocked");
        }
        return Optional.ofNullable(found);
    }

    /**
     * A tag, by the name that a call carries.
     *
     * @param name the name
     * @return the tag, or empty where nobody has made it known
     * @throws DatabaseUnavailableException where the database would have to be asked and cannot be reached
     */
    public Optional<Tag> tag(String name) {
        return Optional.ofNullable(isStorable(name) ? tags.get(name) : null);
    }

    /**
     * A budget row, which an end user or a tag links, or which counts where they link none.
     *
     * @param id its id
     * @return the row, or empty where there is none
     * @throws DatabaseUnavailableException where the database would have to be asked and cannot be reached
     */
    public Optional<Budget> budget(String id) {
        return Optional.ofNullable(isStorable(id) ? budgets.get(id) : null);
    }

    /** @return what happened so far */
    public AuthenticationMetrics metrics() {
        return new AuthenticationMetrics(
                callers.metrics(),
                surroundings.found(),
                endUsers.metrics(),
                tags.metrics(),
                budgets.metrics(),
                malformed.sum(),
                withoutQuery.sum());
    }

    /** @return the same, one by one, for collectors of metrics */
    public List<Meter> meters() {
        return AuthenticationMeters.of(this::metrics);
    }

    /** Hears no more of changes, and must not be used any more. */
    @Override
    public void close() {
        feed.removeListener(invalidation);
    }

    private @Nullable LoadedCaller find(KeyDigest digest) {
        if (callers.isKnownToBeAbsent(digest)) {
            return null;
        }
        KeySet all = callers.isFeedFresh() ? keys.complete() : null;
        if (all != null && !all.mayContain(digest)) {
            // Nobody's key as of the feed's last answer. It may be newer than that, so the database is asked while that
            // is cheap.
            if (!unknownLookups.tryTake()) {
                withoutQuery.increment();
                return null;
            }
            return callers.read(digest, true);
        }
        if (all == null && unknownLookups.nanosToNext() > 0) {
            keys.request();
        }
        LoadedCaller found = callers.read(digest, all != null);
        if (found == null && all != null) {
            unknownLookups.charge();
        }
        return found;
    }

    /** PostgreSQL cannot store a NUL character, nor be asked for it. */
    private static boolean isStorable(String id) {
        return id.indexOf('\0') < 0;
    }
}
