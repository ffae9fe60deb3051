// What invokes a function without being asked: the event source mapping of a queue, and a schedule.
// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

/**
 * Takes what is in a queue to its function, batch after batch, until nothing is left to take. Lambda does so as the function's role.
 * What the function did not see to its end stays in the queue, unseen for a while. Answers each event with what came of it.
 */
export async function drain(account, queue, invoke) {
  const sqs = (operation, body) => account.ask('sqs', `AmazonSQS.${operation}`, { QueueUrl: queue.url, ...body }, queue.key);
  await sqs('GetQueueAttributes', { AttributeNames: ['QueueArn'] });
  const done = [];
  for (;;) {
    const { Messages: messages = [] } = await sqs('ReceiveMessage', { MaxNumberOfMessages: queue.batch, AttributeNames: ['All'] });
    if (messages.length === 0) return done;
    const Records = messages.map((message) => ({
      messageId: message.MessageId,
      receiptHandle: message.ReceiptHandle,
      body: message.Body,
      attributes: message.Attributes,
      messageAttributes: {},
      md5OfBody: message.MD5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: queue.arn,
      awsRegion: account.region,
    }));
    const { answer, error } = await invoke(queue.function, { Records });
    const kept = new Set(error ? Records.map(({ messageId }) => messageId) : (answer?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
    for (const { messageId, receiptHandle } of Records) if (!kept.has(messageId)) await sqs('DeleteMessage', { ReceiptHandle: receiptHandle });
    done.push({ bodies: Records.map(({ body }) => JSON.parse(body)), answer, error });
    // What stays would be seen again when its time is up: let it be up.
    for (const { messageId, receiptHandle } of Records) {
      if (kept.has(messageId)) await account.ask('sqs', 'AmazonSQS.ChangeMessageVisibility', { QueueUrl: queue.url, ReceiptHandle: receiptHandle, VisibilityTimeout: 0 });
    }
    if (kept.size > 0) return done;
  }
}

/** Every schedule of a function fires once. */
export async function fire(account, name, invoke) {
  const due = account.schedules.filter((schedule) => schedule.function === name);
  return Promise.all(due.map(({ input }) => invoke(name, input)));
}
