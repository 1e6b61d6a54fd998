package io.llmdb.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/**
 * Looks for secrets where none may be: in every table of a database, in the server's log, in any text. Finds a secret
 * as it is, without the {@code sk-} before it, and in hexadecimal or Base64 form. What was encrypted or compressed
 * hides it.
 */
public final class SecretScan {

    private static final int MANY = 20;

    private final Map<String, String> forms = new LinkedHashMap<>();
    private final List<String> findings = new ArrayList<>();
    private long searched;

    private SecretScan(Collection<String> secrets) {
        for (String secret : secrets) {
            String core = secret.startsWith("sk-") ? secret.substring(3) : secret;
            if (core.length() < 8) {
                throw new TestkitException("A secret of fewer than 8 characters would be found by chance");
            }
            byte[] bytes = core.getBytes(StandardCharsets.UTF_8);
            String name = secret.substring(0, 5) + "..., " + secret.length() + " characters";
            forms.put(core, name);
            forms.put(HexFormat.of().formatHex(bytes), name + ", in hexadecimal");
            for (int shift = 0; shift < 3; shift++) {
                // Base64 of three bytes depends on where in the text they stand; the ends mix with their neighbours.
                int length = (bytes.length - shift) / 3 * 3;
                if (length < 6) {
                    continue;
                }
                byte[] shifted = Arrays.copyOfRange(bytes, shift, shift + length);
                String encoded = Base64.getEncoder().withoutPadding().encodeToString(shifted);
                forms.put(encoded, name + ", in Base64");
                forms.put(encoded.replace('+', '-').replace('/', '_'), name + ", in Base64");
            }
        }
        if (forms.isEmpty()) {
            throw new TestkitException("No secret to look for: the scan would prove nothing");
        }
    }

    /**
     * A scan for secrets.
     *
     * @param secrets at least one, each of eight characters or more
     * @return the scan, which has looked nowhere yet
     */
    public static SecretScan of(Collection<String> secrets) {
        return new SecretScan(secrets);
    }

    /**
     * Looks into every row of every table of a database, and into the log of an embedded server.
     *
     * @param database the database
     * @return this
     */
    public SecretScan over(TestDatabase database) {
        List<String> tables = database.rows("""
                        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
                        """).stream()
                .map(row -> String.valueOf(row.get("name")))
                .toList();
        try (Connection connection = database.adminDataSource().getConnection()) {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            for (String table : tables) {
                ByteArrayOutputStream dump = new ByteArrayOutputStream();
                copy.copyOut("COPY " + table + " TO STDOUT", dump);
                over("table " + table, dump.toString(StandardCharsets.UTF_8));
            }
        } catch (SQLException | IOException e) {
            throw new TestkitException("The database could not be searched for secrets", e);
        }
        String log = database.server().readLog();
        if (log != null) {
            over("the server's log", log);
        }
        return this;
    }

    /**
     * Looks into a text.
     *
     * @param place what it is, for the message
     * @param text the text
     * @return this
     */
    public SecretScan over(String place, String text) {
        searched += text.length();
        forms.forEach((form, name) -> {
            int at = text.indexOf(form);
            if (at >= 0) {
                int line = Math.max(0, text.lastIndexOf('\n', at) + 1);
                findings.add("secret " + name + " in " + place + ", behind \""
                        + text.substring(Math.max(line, at - 60), at) + "\"");
            }
        });
        return this;
    }

    /** @return how many characters were searched */
    public long searched() {
        return searched;
    }

    /** @return what was found, without the secrets themselves */
    public List<String> findings() {
        return List.copyOf(findings);
    }

    /**
     * Fails where a secret was found, or nothing was searched.
     *
     * @throws AssertionError says where, without the secrets themselves
     */
    public void foundNothing() {
        if (searched == 0) {
            throw new AssertionError("Nothing was searched for secrets");
        }
        if (!findings.isEmpty()) {
            throw new AssertionError("Found " + findings.size() + " time(s):\n"
                    + String.join("\n", findings.subList(0, Math.min(MANY, findings.size()))));
        }
    }
}
