package io.llmdb.examples.gateway.proxy;

import io.llmdb.identity.Team;
import io.llmdb.keys.Caller;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which models a caller may call: those that its key's list, its team's list and its organization's list name. An empty
 * list names all; {@code openai/*} names what begins so.
 */
final class ModelRules {

    private ModelRules() {}

    static boolean mayCall(Caller caller, String model) {
        return refusedBy(caller, model) == null;
    }

    /** Whose list does not name the model: {@code key}, {@code team} or {@code organization}; null: all do. */
    static @Nullable String refusedBy(Caller caller, String model) {
        List<String> ofKey = caller.key().spec().models();
        Team team = caller.team();
        if (!ofKey.contains("all-team-models") && !names(ofKey, model)) {
            return "key";
        } else if (team != null && !names(team.spec().models(), model)) {
            return "team";
        } else if (caller.organization() != null
                && !names(caller.organization().spec().models(), model)) {
            return "organization";
        }
        return null;
    }

    private static boolean names(List<String> list, String model) {
        return list.isEmpty()
                || list.contains(model)
                || list.contains("all-proxy-models")
                || list.stream()
                        .anyMatch(pattern ->
                                pattern.endsWith("*") && model.startsWith(pattern.substring(0, pattern.length() - 1)));
    }
}
