package io.llmdb.models;

import io.llmdb.error.LlmDbException;
import java.util.List;

/** The caller may not call this model; says which list refused and what it allows. */
public final class ModelNotAllowedException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private final String model;
    private final ModelList list;
    private final String ownerId;
    private final transient List<String> allowed;

    ModelNotAllowedException(String message, String model, ModelList list, String ownerId, List<String> allowed) {
        super(message);
        this.model = model;
        this.list = list;
        this.ownerId = ownerId;
        this.allowed = List.copyOf(allowed);
    }

    /** @return the model that is meant, after aliases */
    public String model() {
        return model;
    }

    /** @return the list that refused */
    public ModelList list() {
        return list;
    }

    /** @return the id of what the list belongs to; of a member the user's, of a key its hash */
    public String ownerId() {
        return ownerId;
    }

    /** @return what the list allows, as it is written; empty where the exception was serialized */
    public List<String> allowed() {
        return allowed == null ? List.of() : allowed;
    }
}
