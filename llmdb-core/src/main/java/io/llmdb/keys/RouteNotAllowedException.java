package io.llmdb.keys;

import io.llmdb.error.LlmDbException;
import java.util.List;

/** The key may not call this route. */
public final class RouteNotAllowedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private final String route;
    private final transient List<String> allowed;

    RouteNotAllowedException(String message, String route, List<String> allowed) {
        super(message);
        this.route = route;
        this.allowed = List.copyOf(allowed);
    }

    /** @return the route that was called */
    public String route() {
        return route;
    }

    /** @return the routes and patterns that the key may call; empty where the exception was serialized */
    public List<String> allowed() {
        return allowed == null ? List.of() : allowed;
    }
}
