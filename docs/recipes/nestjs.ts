// A site with a login, on NestJS, as ESM or CommonJS: see nestjs.md. In an empty folder:
//   npm install connect-solidis express-session redis @nestjs/common @nestjs/core \
//     @nestjs/platform-express reflect-metadata rxjs
//   npm install --save-dev typescript @types/node @types/express @types/express-session
//   npx tsc --module nodenext --target es2023 --types node --strict --skipLibCheck \
//     --experimentalDecorators --emitDecoratorMetadata nestjs.ts
//   REDIS_URL=redis://127.0.0.1:6379 node nestjs.js
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Inject,
  Module,
  Post,
  Req,
  Res,
  Session,
  UnauthorizedException,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { fromNodeRedis, RedisError, SolidisStore } from 'connect-solidis'
import type { Request, Response } from 'express'
import session, { type SessionData } from 'express-session'
import { createClient } from 'redis'

declare module 'express-session' {
  interface SessionData {
    user: string
    theme: string
  }
}

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

/** One store for the site, and for what else ends or changes sessions. */
const storeProvider = {
  provide: SolidisStore,
  async useFactory() {
    const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
    client.on('error', console.error)
    await client.connect()
    return new SolidisStore({ client: fromNodeRedis(client), indexBy: ({ user }) => user })
  },
}

@Controller()
class AccountController {
  constructor(@Inject(SolidisStore) private readonly store: SolidisStore) {}

  @Post('login')
  async login(@Req() req: Request, @Body('user') user: string) {
    // A real site asks for a password.
    await called((done) => req.session.regenerate(done))
    // `@Session()` would still be the one before.
    req.session.user = user
    await called((done) => req.session.save(done))
    return { user }
  }

  @Post('logout')
  async logout(@Req() req: Request, @Res({ passthrough: true }) res: Response) {
    await called((done) => req.session.destroy(done))
    res.clearCookie('connect.sid')
  }

  @Get('profile')
  profile(@Session() { user, theme }: SessionData) {
    if (user === undefined) throw new UnauthorizedException()
    return { user, theme }
  }

  @Post('theme')
  setTheme(@Session() session: SessionData, @Body('theme') theme: string) {
    if (session.user === undefined) throw new UnauthorizedException()
    session.theme = theme
  }

  @Get('devices')
  async devices(@Session() { user }: SessionData) {
    if (user === undefined) throw new UnauthorizedException()
    const found = await this.store.findBy(user)
    return found.map(({ handle, expiresAt }) => ({ handle, expiresAt }))
  }
}

@Module({ controllers: [AccountController], providers: [storeProvider] })
class AppModule {}

/** While Redis fails: what to say besides, see failing-redis.md. */
@Catch(RedisError)
class UnavailableFilter implements ExceptionFilter {
  catch(_error: RedisError, host: ArgumentsHost) {
    const http = host.switchToHttp()
    http.getRequest<{ session: unknown }>().session = null
    http
      .getResponse<Response>()
      .status(503)
      .set('Retry-After', '2')
      .json({ message: 'Please try again in a moment' })
  }
}

async function called(call: (done: (error?: unknown) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()))
  })
}

async function bootstrap() {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error'] })
  app.set('trust proxy', 1)
  app.useGlobalFilters(new UnavailableFilter())
  app.use(
    session({
      store: app.get(SolidisStore),
      secret: SESSION_SECRET || 'only for development',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 30 * 60_000, sameSite: 'lax', secure: 'auto' },
    }),
  )
  await app.listen(Number(PORT), '127.0.0.1')
  console.log(await app.getUrl())
}
bootstrap()
