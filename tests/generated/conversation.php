<?php
// Two people talk, through the client that a generator made of the OpenAPI document: conversation.php <url> <folder>
declare(strict_types=1);
error_reporting(E_ALL & ~E_DEPRECATED);
set_error_handler(fn (int $level, string $text) => $level & (E_DEPRECATED | E_USER_DEPRECATED)
    ? true : throw new ErrorException($text));

use OpenAPI\Client\Api\{AuthApi, ChatsApi, MessagesApi};
use OpenAPI\Client\{ApiException, Configuration};
use OpenAPI\Client\Model\{NewDirectChat, Register, SendMessage};

[, $url, $folder] = $argv;
require_once 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $class) use ($folder): void {
    $path = $folder . '/lib/' . str_replace(['OpenAPI\\Client\\', '\\'], ['', '/'], $class) . '.php';
    if (is_file($path)) {
        require $path;
    }
});

function check(bool $holds, string $what): void
{
    if (!$holds) {
        throw new RuntimeException("Does not hold: $what");
    }
}

/** A new account, and how its owner reaches the server. */
function account(string $url, string $name): array
{
    $name .= '_' . bin2hex(random_bytes(4));
    $register = new Register(['email' => "$name@example.org", 'username' => $name, 'password' => 'Correct4Horse']);
    check($register->valid(), implode(' ', $register->listInvalidProperties()));
    $configuration = (new Configuration())->setHost($url);
    $login = (new AuthApi(null, $configuration))->register($register)->getData();
    return [$login->getUser(), $configuration->setAccessToken($login->getAccessToken())];
}

[$alice, $hers] = account($url, 'alice');
[$bob, $his] = account($url, 'bob');
$chat = (new ChatsApi(null, $hers))->createDirectChat(new NewDirectChat(['user_id' => $bob->getId()]))->getData();
$content = "Grüße, 你好 😀\nÀ demain\t– bye";
$draft = new SendMessage(['chat_id' => $chat->getId(), 'content' => $content]);
check($draft->valid(), implode(' ', $draft->listInvalidProperties()));
$draft->setContent($content);
$sent = (new MessagesApi(null, $hers))->sendMessage($draft)->getData();
check($sent->getContent() === $content, 'the content comes back');
[$read] = (new MessagesApi(null, $his))->listMessages($chat->getId(), 10)->getData();
check($read->getId() === $sent->getId() && $read->getContent() === $content, 'Bob reads it');
try {
    $draft->setContent("not\x00this");
    check(false, 'a control character is refused before it is sent');
} catch (InvalidArgumentException) {
}
try {
    (new MessagesApi(null, $his))->editMessage($sent->getId(), new OpenAPI\Client\Model\NewContent(['content' => 'x']));
    check(false, 'a stranger to a message can edit it');
} catch (ApiException $refusal) {
    check($refusal->getResponseObject()->getCode() === 'forbidden', 'the refusal has its code');
}
echo 'done';
