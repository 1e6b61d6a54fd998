package io.llmdb.models;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.ChangeFeed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stored models, in memory. What any instance changes is here within a second, since the change feed has them read
 * again; while the database cannot be read they stay as they are.
 *
 * <p>Safe for use by several threads; a look-up asks nobody.
 */
public final class ModelCatalog implements ModelNames, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ModelCatalog.class);

    private final ModelRepository repository;
    private final ChangeFeed feed;
    private final ChangeFeed.Listener listener = new Refresh();
    private volatile Snapshot snapshot = Snapshot.EMPTY;
    private volatile boolean stale = true;

    /**
     * Reads the models, and keeps to what changes.
     *
     * @param repository reads models
     * @param feed tells what changes
     * @throws WrongCredentialsKeyException where credentials cannot be decrypted, as with a wrong key
     * @throws io.llmdb.error.DatabaseUnavailableException where the database cannot be reached
     */
    public ModelCatalog(ModelRepository repository, ChangeFeed feed) {
        this.repository = Objects.requireNonNull(repository, "repository");
        this.feed = Objects.requireNonNull(feed, "feed");
        feed.addListener(listener);
        try {
            load(failure -> {
                throw failure;
            });
        } catch (LlmDbException e) {
            feed.removeListener(listener);
            throw e;
        }
    }

    /** @return all models that can be read, by id; blocked ones too */
    public List<ProxyModel> models() {
        return snapshot.all;
    }

    /**
     * @param name the name that callers use
     * @return the models of this name that may be called; empty where there is none
     */
    public List<ProxyModel> named(String name) {
        return snapshot.usable.getOrDefault(name, List.of());
    }

    /** @return the names of all models that may be called, sorted */
    public List<String> names() {
        return snapshot.usable.keySet().stream().sorted().toList();
    }

    /** @return what stands against models that came with credentials that cannot be decrypted, after this was opened */
    public List<WrongCredentialsKeyException> failures() {
        return snapshot.failures;
    }

    @Override
    public Set<String> providersOf(String name) {
        return snapshot.providers.getOrDefault(name, Set.of());
    }

    @Override
    public boolean isBlocked(String name) {
        Snapshot now = snapshot;
        return now.blocked.contains(name) && !now.usable.containsKey(name);
    }

    /** Keeps to nothing any more. */
    @Override
    public void close() {
        feed.removeListener(listener);
    }

    private synchronized void load(java.util.function.Consumer<WrongCredentialsKeyException> failed) {
        stale = true;
        List<WrongCredentialsKeyException> failures = new ArrayList<>();
        List<ProxyModel> models = repository.all(failure -> {
            failed.accept(failure);
            failures.add(failure);
        });
        snapshot = Snapshot.of(models, failures);
        stale = false;
    }

    private final class Refresh implements ChangeFeed.Listener {

        @Override
        public void changed(List<ChangeFeed.Change> changes) {
            if (changes.stream().anyMatch(change -> change.kind().equals("model"))) {
                everythingChanged();
            }
        }

        @Override
        public void everythingChanged() {
            try {
                load(failure -> LOG.error("A stored model cannot be used: {}", failure.getMessage()));
            } catch (LlmDbException e) {
                LOG.warn("The stored models could not be read again, which is tried at once anew: {}", e.getMessage());
            }
        }

        @Override
        public void caughtUp() {
            if (stale) {
                everythingChanged();
            }
        }
    }

    private record Snapshot(
            List<ProxyModel> all,
            Map<String, List<ProxyModel>> usable,
            Map<String, Set<String>> providers,
            Set<String> blocked,
            List<WrongCredentialsKeyException> failures) {

        static final Snapshot EMPTY = of(List.of(), List.of());

        static Snapshot of(List<ProxyModel> models, List<WrongCredentialsKeyException> failures) {
            Map<String, List<ProxyModel>> usable = new LinkedHashMap<>();
            Map<String, Set<String>> providers = new HashMap<>();
            Set<String> blocked = new HashSet<>();
            for (ProxyModel model : models) {
                String name = model.spec().name();
                model.spec()
                        .provider()
                        .ifPresent(provider -> providers
                                .computeIfAbsent(name, any -> new HashSet<>())
                                .add(provider));
                if (model.spec().blocked()) {
                    blocked.add(name);
                } else {
                    usable.computeIfAbsent(name, any -> new ArrayList<>()).add(model);
                }
            }
            usable.replaceAll((name, list) -> List.copyOf(list));
            return new Snapshot(List.copyOf(models), usable, providers, blocked, List.copyOf(failures));
        }
    }
}
