package io.llmdb.examples.admin;

import io.llmdb.LlmDb;
import io.llmdb.common.PageRequest;
import io.llmdb.error.NotFoundException;
import io.llmdb.keys.KeyFilter;
import io.llmdb.keys.KeyHash;
import io.llmdb.keys.VirtualKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which key a command works on: by its hash or its alias, never by the key itself. */
final class KeyReference {

    private static final String ALIAS = "alias:";

    @Parameters(
            paramLabel = "KEY",
            description = "The key's hash, alias:NAME, or - to read the raw key from the input.")
    @SuppressWarnings("NullAway.Init")
    private String reference;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    VirtualKey find(LlmDb db) {
        if (reference.startsWith("sk-")) {
            throw new ParameterException(
                    spec.commandLine(),
                    "A raw key was given, which others on this machine can see: give its hash or alias:NAME, or - and the key"
                            + " on the input");
        }
        if (reference.startsWith(ALIAS)) {
            return byAlias(db, reference.substring(ALIAS.length()));
        }
        return db.admin().keys().require(reference.equals("-") ? KeyHash.of(read()) : reference);
    }

    private static VirtualKey byAlias(LlmDb db, String alias) {
        List<VirtualKey> found = db
                .admin()
                .keys()
                .list(KeyFilter.all().withAliasPart(alias), PageRequest.first(PageRequest.MAX_SIZE))
                .items()
                .stream()
                .filter(key -> alias.equals(key.spec().alias()))
                .toList();
        if (found.size() != 1) {
            throw new NotFoundException(
                    found.isEmpty()
                            ? "There is no key with the alias \"" + alias + "\""
                            : found.size() + " keys have the alias \"" + alias
                                    + "\": name one by its hash, from keys list --format csv");
        }
        return found.get(0);
    }

    private static String read() {
        try {
            String line = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
            return line == null ? "" : line.strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
