package io.llmdb.spend;

import java.util.Objects;

/**
 * Names one counter of spend.
 *
 * @param scope whose spend
 * @param id the key's hash, the id of the user, team, organization or end user, the tag; empty for the proxy
 * @param parentId the team or organization of a member; else empty
 * @param model the model that the counter is limited to; empty: all models
 * @param duration the length of a further window, such as {@code 1d}; empty: the scope's main window
 */
public record CounterId(Scope scope, String id, String parentId, String model, String duration) {

    /** Checks for null. */
    public CounterId {
        Objects.requireNonNull(scope, "scope");
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(parentId, "parentId");
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(duration, "duration");
    }

    /**
     * The main counter of a scope.
     *
     * @param scope whose spend
     * @param id its id
     * @return the counter
     */
    public static CounterId of(Scope scope, String id) {
        return new CounterId(scope, id, "", "", "");
    }

    /**
     * The main counter of a member.
     *
     * @param scope {@link Scope#TEAM_MEMBER} or {@link Scope#ORGANIZATION_MEMBER}
     * @param userId the user
     * @param parentId the team or organization
     * @return the counter
     */
    public static CounterId member(Scope scope, String userId, String parentId) {
        return new CounterId(scope, userId, parentId, "", "");
    }

    /**
     * The counter of one model within the same scope.
     *
     * @param value the model
     * @param window the length of its windows; empty: one window for ever
     * @return the counter
     */
    public CounterId forModel(String value, String window) {
        return new CounterId(scope, id, parentId, value, window);
    }

    /**
     * The counter of a further window of the same scope.
     *
     * @param value its length
     * @return the counter
     */
    public CounterId forWindow(String value) {
        return new CounterId(scope, id, parentId, model, value);
    }

    /** @return whether the counter stands in the row of the scope itself and is counted for every request */
    public boolean isMain() {
        return model.isEmpty() && duration.isEmpty() && scope != Scope.PROXY;
    }

    /** @return for people, such as {@code team "research"} */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(scope.words());
        if (!id.isEmpty()) {
            text.append(" \"").append(id).append('"');
        }
        if (!parentId.isEmpty()) {
            text.append(" of \"").append(parentId).append('"');
        }
        if (!model.isEmpty()) {
            text.append(" for model \"").append(model).append('"');
        }
        if (!duration.isEmpty()) {
            text.append(" per ").append(duration);
        }
        return text.toString();
    }
}
