package io.llmdb.testkit;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client's connection through a {@link TcpProxy}, taken apart into the messages of PostgreSQL's protocol (manual,
 * "Message Formats").
 */
final class ProxiedConnection {

    private static final int SSL_REQUEST = 80877103;
    private static final int CANCEL_REQUEST = 80877102;
    private static final int GSS_REQUEST = 80877104;
    private static final int BUFFER = 1 << 16;
    /** Longer than any command tag. */
    private static final int MAX_TAG = 128;

    private static final Logger LOG = LoggerFactory.getLogger(ProxiedConnection.class);

    private final TcpProxy proxy;
    private final Socket client;
    private final Socket server;
    private final DataInputStream fromClient;
    private final DataOutputStream toClient;
    private final DataInputStream fromServer;
    private final DataOutputStream toServer;
    private final CommitWatch commits = new CommitWatch();
    private final AtomicBoolean open = new AtomicBoolean(true);

    ProxiedConnection(TcpProxy proxy, Socket client, Socket server) throws IOException {
        this.proxy = proxy;
        this.client = client;
        this.server = server;
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        this.fromClient = new DataInputStream(new BufferedInputStream(client.getInputStream(), BUFFER));
        this.toClient = new DataOutputStream(new BufferedOutputStream(client.getOutputStream(), BUFFER));
        this.fromServer = new DataInputStream(new BufferedInputStream(server.getInputStream(), BUFFER));
        this.toServer = new DataOutputStream(new BufferedOutputStream(server.getOutputStream(), BUFFER));
    }

    boolean isOpen() {
        return open.get();
    }

    /** Breaks both sides at once. */
    void cut() {
        if (open.compareAndSet(true, false)) {
            TcpProxy.reset(client);
            TcpProxy.reset(server);
            proxy.forget(this);
            proxy.wakeUp();
        }
    }

    /** Carries what the client says, until either side ends. */
    void passRequests() {
        try {
            passStartup();
            boolean first = true;
            for (int type = fromClient.read(); type >= 0; type = fromClient.read()) {
                int length = fromClient.readInt() - Integer.BYTES;
                proxy.passGate(this, first);
                if (CommitWatch.isOfInterest(type)) {
                    byte[] body = fromClient.readNBytes(length);
                    if (commits.isCommit(type, body) && proxy.breaksNext(CommitFault.NEVER_SENT)) {
                        return;
                    }
                    writeHeader(toServer, type, length);
                    toServer.write(body);
                } else {
                    writeHeader(toServer, type, length);
                    copy(fromClient, toServer, length);
                }
                first = flushAtPause(fromClient, toServer);
            }
        } catch (IOException e) {
            LOG.trace("A client's side ended", e);
        } finally {
            cut();
        }
    }

    /** Carries what the server answers, until either side ends. */
    void passAnswers() {
        try {
            boolean first = true;
            for (int type = fromServer.read(); type >= 0; type = fromServer.read()) {
                int length = fromServer.readInt() - Integer.BYTES;
                proxy.passGate(this, first);
                if (type == 'C' && length <= MAX_TAG) {
                    byte[] tag = fromServer.readNBytes(length);
                    if (CommitWatch.isCommitTag(tag)) {
                        // The server sends this tag when the commit is done.
                        proxy.committed();
                        if (proxy.breaksNext(CommitFault.ANSWER_LOST)) {
                            return;
                        }
                    }
                    writeHeader(toClient, type, length);
                    toClient.write(tag);
                } else {
                    writeHeader(toClient, type, length);
                    copy(fromServer, toClient, length);
                }
                first = flushAtPause(fromServer, toClient);
            }
        } catch (IOException e) {
            LOG.trace("A server's side ended", e);
        } finally {
            cut();
        }
    }

    /** The first messages have no type. Encryption is declined here, because what it hides cannot be watched. */
    private void passStartup() throws IOException {
        while (true) {
            int length = fromClient.readInt();
            int code = fromClient.readInt();
            proxy.passGate(this, true);
            if (code == SSL_REQUEST || code == GSS_REQUEST) {
                toClient.write('N');
                toClient.flush();
                continue;
            }
            toServer.writeInt(length);
            toServer.writeInt(code);
            copy(fromClient, toServer, length - 2 * Integer.BYTES);
            toServer.flush();
            if (code == CANCEL_REQUEST) {
                LOG.trace("A cancel request passed");
            }
            return;
        }
    }

    private static void writeHeader(DataOutputStream to, int type, int length) throws IOException {
        to.write(type);
        to.writeInt(length + Integer.BYTES);
    }

    private static boolean flushAtPause(DataInputStream from, DataOutputStream to) throws IOException {
        if (from.available() > 0) {
            return false;
        }
        to.flush();
        return true;
    }

    private static void copy(DataInputStream from, DataOutputStream to, int length) throws IOException {
        byte[] buffer = new byte[Math.min(length, BUFFER)];
        int left = length;
        while (left > 0) {
            int read = from.read(buffer, 0, Math.min(left, buffer.length));
            if (read < 0) {
                throw new IOException("The stream ended within a message");
            }
            to.write(buffer, 0, read);
            left -= read;
        }
    }
}
